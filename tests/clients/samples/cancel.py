import requests

headers = {
    'Authorization': 'Bearer YOUR_API_TOKEN'
}

response = requests.post('https://api.example.com/v1/runs/string/cancel', headers=headers)
print(response.json())
