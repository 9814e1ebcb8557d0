"""Apache Airflow provider for PAI Designer nodes of Alibaba Cloud DataWorks."""
